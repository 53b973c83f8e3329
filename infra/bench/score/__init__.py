"""What a score costs: one record, its attribution, the baselines behind it, and training again."""
