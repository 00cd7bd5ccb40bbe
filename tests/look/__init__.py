"""How the players' pages look: a walk through every screen, pictures of it, and Lighthouse's word on some."""
