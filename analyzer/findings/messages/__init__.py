"""The wording of all findings: a file for each band of rules, a function for each message."""
