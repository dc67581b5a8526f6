"""Where live pictures go: files, playlists, servers, virtual cameras."""
