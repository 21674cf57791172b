# The app on CPU, as a user without rights: docker build -t personality . && docker compose up; docs/serving.md.
# For a GPU: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128, and run with --gpus all.
FROM python:3.11-slim-bookworm

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 PERSONALITY_WORKSPACE=/data

WORKDIR /srv/personality
COPY requirements.txt ./
RUN pip install --extra-index-url "${TORCH_INDEX}" -r requirements.txt hatchling==1.33.0 \
 && python -c "import librosa.feature.spectral"

COPY . ./
RUN pip install --no-deps --no-build-isolation . \
 && useradd --create-home --uid 10001 personality \
 && install -d -o personality /data

USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
 CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["personality", "app", "--public", "--port", "8501"]
