"""How findings reach the SIEM that is there: a folder of configuration for each, and one golden finding for all."""
