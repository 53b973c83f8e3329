"""An operator's own detections: where they are found, how they are written, tried, explained and kept up to date."""
