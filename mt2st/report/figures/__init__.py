"""Figures from frames of records; each function returns one."""
