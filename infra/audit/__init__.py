"""Who asked, which tool, where it ran, what it touched, where data went: put together again out of the topics."""
