#!/bin/sh
# Make a virtual environment with a Python of 3.11 or newer: tools/make-venv.sh FOLDER
# $PYTHON, when set, is the one to take.
set -eu
venv=$1

say() { printf '%s\n' "$@" >&2; }

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

python=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
    if command -v "$candidate" >/dev/null 2>&1 && new_enough "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    say "LoRAHub needs Python 3.11 or newer; found: $(python3 --version 2>/dev/null || echo none)." \
        "Install one and run make again, or name it: make serve PYTHON=/path/to/python3.12"
    exit 1
fi

failed() {
    rm -rf "$venv"
    say "$python could not make a virtual environment in $venv." \
        "It lacks the module venv or ensurepip; on Debian and Ubuntu install them with:" \
        "  apt-get install python3-venv"
    exit 1
}

if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$python" -m venv "$venv" || failed
elif "$python" -m pip --version >/dev/null 2>&1; then
    # A system without ensurepip but with a pip, which can serve another environment.
    "$python" -m venv --without-pip "$venv" 2>/dev/null || failed
    "$python" -m pip --python "$venv/bin/python" install --quiet pip || failed
else
    failed
fi
