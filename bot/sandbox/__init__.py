"""A local Slack: its Web API, Socket Mode or HTTP, and a page that works like its client.

It knows Slack and no chaos. A bot runs against it unmodified; only `SLACK_API_URL` and the two
tokens differ. Start it with `bot.sandbox.server.start`, act in it with `bot.sandbox.client`.
"""
