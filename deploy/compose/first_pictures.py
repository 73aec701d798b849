"""Make the bucket, and put scikit-image's pictures there, so that the first night has something to make."""

from __future__ import annotations

from pathlib import Path

import boto3
import skimage

BUCKET = "stimuli"
PICTURES = {"content": ("coffee.png", "astronaut.png"), "style": ("rocket.jpg", "hubble_deep_field.jpg")}

s3 = boto3.client("s3")
if BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
    s3.create_bucket(Bucket=BUCKET)
for side, names in PICTURES.items():
    for name in names:
        s3.upload_file(str(Path(skimage.__file__).parent / "data" / name), BUCKET, f"sources/{side}/{name}")
