# The hub's images: target `server` (web, relay, CPU workers) and `worker` (adds torch and diffusers).
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
RUN pip install --no-cache-dir build
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY client client
COPY backend backend
COPY worker worker
COPY migrations migrations
RUN python -m build --wheel --outdir /dist

FROM python:3.13-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 HOME=/tmp LORAHUB_DATA=/data
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin lorahub \
 && install -d -o lorahub -g lorahub -m 0700 /data
VOLUME /data
EXPOSE 8000

FROM base AS worker
RUN --mount=type=bind,from=build,source=/dist,target=/dist \
    pip install "$(echo /dist/lorahub-*.whl)[worker]"
USER lorahub
CMD ["lorahub-server", "worker", "--queue", "gpu"]

# The last stage is what a plain `docker build` makes.
FROM base AS server
RUN --mount=type=bind,from=build,source=/dist,target=/dist \
    pip install "$(echo /dist/lorahub-*.whl)[server]"
USER lorahub
CMD ["lorahub-server", "serve", "--host", "0.0.0.0"]
