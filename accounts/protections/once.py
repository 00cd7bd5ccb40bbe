"""Acts on a player under an idempotency key: the same key and body again does nothing more."""

from __future__ import annotations

from accounts.models import Player, PlayerAct


class KeyReused(Exception):
    """The key was used before for something else."""


def first_time(player: Player, client: str, key: str, digest: bytes) -> bool:
    """Note an act under its key, in the caller's transaction; False when it was done before. Raises `KeyReused`.

    `client` is the scope of the key, `digest` the SHA-256 of what is asked.
    """
    act, created = PlayerAct.objects.get_or_create(
        client=client, idempotency_key=key, defaults={"player": player, "idempotency_hash": digest}
    )
    if not created and (bytes(act.idempotency_hash) != digest or act.player_id != player.pk):
        raise KeyReused
    return created
