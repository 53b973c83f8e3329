"""How good the judgement is, on data with labels."""
