"""What a job is and what a result is: manifest, settings, result rows, error codes. Imports nothing of ours."""
