"""Quality checks that come with curator."""
