# One image for all our services: `docker run genai-sessions receiver | api | rollup | migrate | …`.
# The database is a container of its own here, so the engine's wheel (half a gigabyte) stays out: set CLICKHOUSE_URL.

FROM python:3.13.14-slim AS build
WORKDIR /source
RUN python -m venv /opt/genai-sessions
ENV PATH=/opt/genai-sessions/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# What we stand on changes seldom, so it is a layer of its own.
COPY pyproject.toml deploy/dependencies.py ./
RUN python dependencies.py pyproject.toml > dependencies.txt && pip install --requirement dependencies.txt
COPY . .
RUN pip install --no-deps . && pip uninstall --yes pip

FROM python:3.13.14-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin sessions \
    && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/genai-sessions
COPY --from=build /opt/genai-sessions /opt/genai-sessions
ENV PATH=/opt/genai-sessions/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GENAI_SESSIONS_HOST=0.0.0.0 \
    GENAI_SESSIONS_DATA_DIR=/var/lib/genai-sessions
USER 10001:10001
VOLUME /var/lib/genai-sessions
EXPOSE 4317 4318 8080
ENTRYPOINT ["genai-sessions"]
CMD ["--help"]
