-- Which version the rules have, and what time it is by the clock of these statements (Django's own `Now` is another one).
SELECT version, now() AS moment FROM deposits_rulebook WHERE id = 1
