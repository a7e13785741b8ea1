"""Soak: the bot is killed hundreds of times, and runs a thousand times; what was lost, or grew?"""
