"""Object stores behind one small protocol: S3, a local folder, and pictures shipped in packages."""
