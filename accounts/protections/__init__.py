"""What protects players: breaks and exclusions, the identity gate, their own limits. Each act leaves an audit row."""
