"""A folder to write manifests into."""

import pytest


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write files in a fresh working folder, so that places read as a user's do; returns the first one's name."""
    monkeypatch.chdir(tmp_path)

    def write_files(**files):
        names = [name.replace("__", ".") for name in files]
        for name, content in zip(names, files.values(), strict=True):
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return names[0]

    return write_files
