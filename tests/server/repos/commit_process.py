"""A process that commits files one after the other; the tests run several at once.

Arguments: database address, store address, folder, name of the process, how many.
Prints each revision; a conflict is tried again from the new head.
"""

import sys
from pathlib import Path

from lorahub_server.access import of_account
from lorahub_server.accounts.service import get_account
from lorahub_server.repos import refs
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import StaleParent
from support.inside import Inside


def main() -> None:
    database_url, store_url, folder, name, count = sys.argv[1:]
    hub = Inside(database_url, store_url, Path(folder), make_tables=False)
    with hub.db.read() as session:
        hub.know(of_account(get_account(session, "alice")))
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(count)):
        files = {f"{name}/{number}.txt": b"x", "shared.txt": f"{name} {number}".encode()}
        while True:
            with hub.look() as tx:
                head = refs.head(tx, repos.get_repo(tx, "alice", "style"))
            try:
                print(hub.commit(files, parent=head).revision, flush=True)
            except StaleParent:
                continue
            break
    hub.close()


if __name__ == "__main__":
    main()
