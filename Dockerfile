# imgredux with every method, on the CPU.
#
#   docker build -t imgredux --build-arg TORCH_INDEX=URL .
#   docker run --rm -v "$PWD:/images" --user "$(id -u):$(id -g)" imgredux run wu2013 photo.png -o map.png --heatmap
#
# TORCH_INDEX: the index of PyTorch's CPU-only wheels, which PyTorch's install page names (Pip, Linux, CPU). Without it
# pip brings the CUDA build: 6 GB. The image runs as a user without rights; --user makes the files it writes yours.
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
WORKDIR /source
RUN pip install --no-cache-dir build hatchling
COPY . .
# CompressAI pins NumPy below 2: its plugin is left out, as it is of imgredux[all].
RUN rm -r plugins/compressai && \
    for project in . plugins/*/; do \
      python -m build --wheel --no-isolation --outdir /wheels "$project" || exit 1; \
    done

FROM python:${PYTHON}-slim
ARG TORCH_INDEX=""
ARG EXTRA=all
COPY --from=build /wheels /wheels
RUN if [ -n "$TORCH_INDEX" ]; then pip install --no-cache-dir --index-url "$TORCH_INDEX" torch torchvision; fi && \
    pip install --no-cache-dir --find-links /wheels "imgredux[$EXTRA]"
# Compiled kernels are kept where any user may write.
ENV HOME=/tmp NUMBA_CACHE_DIR=/tmp/numba
RUN useradd --no-create-home --shell /usr/sbin/nologin imgredux
USER imgredux
WORKDIR /images
ENTRYPOINT ["imgredux"]
CMD ["--help"]
