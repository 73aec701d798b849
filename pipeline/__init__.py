"""How an image is made: storage, images, the synthesis engine, results and scheduling."""
