# The same commands as CI (.ci/run). `just` alone lists them.

_list:
    @just --list --unsorted

# Notebooks → exp
export *PATHS:
    cargo run -p nbexport -- {{PATHS}}

# Everything that needs no kernel: format, lints, tests, a fresh export
check: fmt-check clippy test export-check

fmt-check:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets -- -D warnings

# The README's test command
test:
    cargo test

# So many random merges with ids and as many without, held against what two people did
merges CASES="10000":
    PROPTEST_CASES={{CASES}} cargo test -p nbexport --test cli -- random_merges

# Wrong notebooks through all commands for so many seconds; FUZZ_SEED=… for the rounds of an earlier time
fuzz SECONDS="60":
    FUZZ_SECONDS={{SECONDS}} cargo test -p nbexport --features docs --test cli -- --ignored --nocapture fuzz::fuzz

# What must hold of each notebook of a folder, as a table; with --both, where the two engines differ
corpus DIR="notebooks" *FLAGS:
    CORPUS={{absolute_path(DIR)}} cargo test -p nbexport --test cli -- --ignored --nocapture {{ if FLAGS == "--both" { "both::corpus" } else { "fuzz::corpus" } }}

# The site of the notebooks, and its tests in a browser
docs *ARGS:
    cargo run -p nbexport --features docs -- docs {{ARGS}}

# Kernels on a real Jupyter Server and a real Kernel Gateway
server-test:
    [ -x target/jupyter/bin/python ] || python3 -m venv target/jupyter
    target/jupyter/bin/pip install --quiet jupyter_server jupyter_kernel_gateway
    NBEXPORT_REQUIRE_SERVER=1 cargo test -p nbexport --features server --test cli -- server::

docs-test:
    cargo test -p nbexport --features docs --test cli -- docs_site

# Is the crate what the notebooks say?
export-check:
    cargo run -p nbexport -- --check

# Edits of notebooks and modules at random, exports and syncs between them: nothing typed may be lost
random-edits CASES="5000":
    PROPTEST_CASES={{CASES}} cargo test -p nbexport --test cli properties

# The documentation of both crates, complete
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# nbexport against nbconvert, on notebooks of 60 cells (see the head of the script for what it needs)
bench-runners *NOTEBOOKS:
    python3 benches/runners.py {{NOTEBOOKS}}

# nbexport on 1,000 notebooks against nbdev-export and ruff (see the head of the script for what it needs)
bench-many *ARGS:
    python3 benches/many.py {{ARGS}}

# The notebooks in four shares against one run: the ideal ratio and the measured one
bench-partition *ARGS:
    python3 benches/partition.py {{ARGS}}

# How the time of an export grows with a notebook: 500 to 8,000 cells
bench-cells *ARGS:
    python3 benches/cells.py {{ARGS}}

# What a native run costs at 24 to 1,000 cells; with two programs, an older one first, before and after a change
bench-native *ARGS:
    python3 benches/native.py {{ARGS}}

# exp beside PyTorch, numpy, JAX, candle and burn, in one run (its Python libraries go to target/compare)
compare *ARGS:
    test -x target/compare/bin/python || python3 -m venv target/compare
    target/compare/bin/python -c "import torch, numpy, jax" || target/compare/bin/pip install torch numpy jax
    target/compare/bin/python benches/compare.py {{ARGS}}

# The convolutional networks of exp, and single layers, beside PyTorch, JAX, candle and burn, in one run
compare-networks *ARGS:
    test -x target/compare/bin/python || python3 -m venv target/compare
    target/compare/bin/python -c "import torch, numpy, jax" || target/compare/bin/pip install torch numpy jax
    target/compare/bin/python benches/networks.py {{ARGS}}

# The trainings of the course's table of runs, by PyTorch
pytorch-runs *ARGS:
    test -x target/compare/bin/python || python3 -m venv target/compare
    target/compare/bin/python -c "import torch, numpy" || target/compare/bin/pip install torch numpy
    target/compare/bin/python benches/runs.py {{ARGS}}

# The benchmarks that notebooks export
bench *ARGS:
    cargo run -p nbexport -- cargo bench {{ARGS}}

# The extension in a real VS Code, in a browser (Node.js 20, ripgrep, chromium, rust-analyzer)
vscode:
    cargo build -p nbexport
    cd editors/vscode && npm install --no-audit --no-fund && npm test
    test -d target/code-server/node_modules || editors/vscode/test/code-server.sh target/code-server
    cd editors/vscode && CODE_SERVER=../../target/code-server/node_modules/code-server/out/node/entry.js NBEXPORT=../../target/debug/nbexport node test/in_vscode.mjs

# nbexport docs beside jupyter nbconvert (see the head of the script for what it needs)
bench-docs *ARGS:
    cargo build --release -p nbexport --features docs
    test -x target/bench-docs/bin/python || python3 -m venv target/bench-docs
    target/bench-docs/bin/python -c "import nbconvert, mystmd_py" || target/bench-docs/bin/pip install nbconvert mystmd
    target/bench-docs/bin/python benches/docs.py {{ARGS}}

# The language server at every identifier of the notebooks, beside rust-analyzer on the same code as plain files
lsp-walk *NAMES:
    cargo build --release -p nbexport
    python3 benches/lsp.py walk {{NAMES}}

# How long the language server's answers take in notebooks of 20, 100 and 300 cells
bench-lsp *CELLS:
    cargo build --release -p nbexport
    python3 benches/lsp.py bench {{CELLS}}
