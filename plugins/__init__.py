"""First-party plugins: found, loaded and held to the same contract as a third party's."""
