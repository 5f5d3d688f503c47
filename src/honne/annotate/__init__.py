"""Where people label: projects, queues, agreement, and the pages for it."""
