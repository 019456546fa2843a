"""That nothing happens twice: claims, attempts, retry, reconciliation, what was interrupted."""
