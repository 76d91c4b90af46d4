"""The customer portal: its configurations, its sessions, its page."""
