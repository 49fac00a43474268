/* libsodium includes it and uses nothing of it; gcc's own would look for the host's. */
