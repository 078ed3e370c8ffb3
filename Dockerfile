# gansearch with what a search on one machine uses:
#
#   docker build -t gansearch .
#   docker run --rm -v "$PWD:/work" gansearch new cats.yaml --images pictures
#   docker run --rm -v "$PWD:/work" gansearch run cats.yaml
#
# pip takes the build of torch that the default index has, several gigabytes with its GPU libraries (for which
# `docker run` needs `--gpus all`). A build for the CPU comes from an index that has one:
#
#   docker build -t gansearch --build-arg PIP_EXTRA_INDEX_URL=URL .
FROM python:3.11-slim

ARG PIP_EXTRA_INDEX_URL=
RUN useradd --create-home user
WORKDIR /source
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY gansearch gansearch
COPY plugins/gansearch-imagenet plugins/gansearch-imagenet
RUN pip install --no-cache-dir --constraint constraints.txt ".[export,report]" ./plugins/gansearch-imagenet

USER user
WORKDIR /work
ENTRYPOINT ["gansearch"]
CMD ["--help"]
