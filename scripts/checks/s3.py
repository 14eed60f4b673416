"""A store of artifacts behind s3://: `s3.py ENDPOINT`, which is an S3-compatible server of this machine."""

from __future__ import annotations

import os
import sys

_VARIABLES = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "someone",
    "AWS_SECRET_ACCESS_KEY": "anything",
}

if __name__ == "__main__":
    os.environ.update(_VARIABLES, AWS_ENDPOINT_URL=sys.argv[1])
    import fsspec

    from autoflow.store.artifacts import ArtifactStore

    # The server is that of the whole run: an earlier check may have made it.
    fsspec.filesystem("s3", skip_instance_cache=True).makedirs("check", exist_ok=True)
    store = ArtifactStore("s3://check/artifacts")
    assert store.get(store.put(b"a blob")) == b"a blob"
