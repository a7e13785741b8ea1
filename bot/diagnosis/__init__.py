"""Diagnosis: evidence gathered blind, and what Claude or the rules make of it."""
