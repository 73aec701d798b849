"""Manifests read, checked and streamed as pairs."""
