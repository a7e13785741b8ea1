"""Slack: the bot's face. Commands and clicks come in, one thread for each run is painted."""

from bot.slack.access import Access, SlackAway
from bot.slack.connection import SlackBot

__all__ = ["Access", "SlackAway", "SlackBot"]
