# One image for every part of the service; docker-compose.yml chooses the command.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /app

COPY requirements.lock ./
RUN pip install --no-deps --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY api api
COPY worker worker
COPY vision vision
COPY cli cli
COPY embedded embedded
COPY local local
COPY migrations migrations
RUN pip install --no-deps --no-build-isolation --editable .

RUN useradd --system --uid 10001 --home-dir /data --create-home tessera
USER tessera
ENV TESSERA_DATA_DIR=/data TESSERA_HOST=0.0.0.0
VOLUME /data
EXPOSE 8000

# Alone, the image is the whole service with its own PostgreSQL and Valkey.
CMD ["tessera", "up"]
