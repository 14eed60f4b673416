"""The worker's own process, which first notes its id in the file that NOTES names."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from autoflow_worker.__main__ import main

if __name__ == "__main__":
    with Path(os.environ["NOTES"]).open("a") as file:
        print(os.getpid(), file=file, flush=True)
    sys.exit(main(sys.argv[1:], os.environ))
