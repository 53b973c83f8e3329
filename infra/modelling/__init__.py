"""The life of a model: trained, tried beside the one that judges, promoted, rolled back, and watched for drift."""
