"""Light and colour as numbers: what pictures are measured by and controlled in. Pixels in, pixels or numbers out."""
