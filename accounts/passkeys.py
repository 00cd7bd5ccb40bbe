"""Passkeys (WebAuthn level 2): a player's device signs a challenge of ours, after asking for a finger, a face or a PIN.

Both ceremonies begin with options for the browser and a state for the session, and end with what the browser brings.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.models import Passkey, Player
from accounts.protections.acts import Actor

#: Nobody has so many devices; each is listed to the browser when another is added.
MOST = 10
# No passkey can belong to a bare address, so on one machine it belongs to the other name of the same.
_LOOPBACK = frozenset({"127.0.0.1", "[::1]", "::1"})


#: What reading bytes and fields of anybody's making may raise.
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, struct.error)


class NotShown(Exception):
    """What the browser brought does not show what it was asked to show. Nothing was changed."""


def begin_adding(player: Player) -> tuple[dict[str, Any], Any]:
    """Return the options and the state for adding a passkey to `player`. Raises `NotShown` for one too many."""
    known = [AttestedCredentialData(bytes(one.credential)) for one in player.passkeys.all()]
    if len(known) >= MOST:
        raise NotShown(f"there are {MOST} passkeys already")
    # The handle stays on the device: it is to tell nothing, and to be the same for the same player.
    handle = salted_hmac("passkey user", str(player.pk), algorithm="sha256").digest()
    user = PublicKeyCredentialUserEntity(
        id=handle, name=settings.OPERATOR_NAME, display_name=settings.OPERATOR_NAME
    )
    options, state = _server().register_begin(
        user,
        known,
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(options["publicKey"]), state


def add(player: Player, state: Any, brought: Mapping[str, Any]) -> Passkey:
    """Keep the passkey that the browser has made. Raises `NotShown`."""
    try:
        shown = _server().register_complete(state, brought)
    except _UNREADABLE as error:
        raise NotShown(str(error)) from None
    credential = shown.credential_data
    if credential is None:
        raise NotShown("no credential came with it")
    try:
        with transaction.atomic():
            return Passkey.objects.create(
                player=player,
                credential_id=credential.credential_id,
                credential=bytes(credential),
                uses=shown.counter,
            )
    except IntegrityError:
        raise NotShown("it is known already") from None


@transaction.atomic
def remove(passkey: Passkey, by: Actor) -> None:
    """Forget a passkey and end every session of its player's: whoever has the device may be signed in by it."""
    player = passkey.player
    by.note("passkey.removed", player, {"passkey": passkey.pk}, {})
    passkey.delete()
    Player.objects.filter(pk=player.pk).update(signed_out_at=Now())


def begin_signing_in() -> tuple[dict[str, Any], Any]:
    """Return the options and the state for signing in by whichever passkey the device holds for us."""
    options, state = _server().authenticate_begin(user_verification=UserVerificationRequirement.REQUIRED)
    return dict(options["publicKey"]), state


@transaction.atomic
def player_of(state: Any, brought: Mapping[str, Any]) -> Player:
    """Return whose passkey signed the challenge. Raises `NotShown`, for an unknown one as for a wrong signature."""
    try:
        answer = AuthenticationResponse.from_dict(brought)
        known = Passkey.objects.select_for_update().filter(credential_id=answer.raw_id).first()
        held = [AttestedCredentialData(bytes(known.credential))] if known else []
        _server().authenticate_complete(state, held, answer)
    except _UNREADABLE as error:
        raise NotShown(str(error)) from None
    assert known is not None
    uses = answer.response.authenticator_data.counter
    if (uses or known.uses) and uses <= known.uses:
        # WebAuthn §7.2 step 22: two devices count by one key, so one of them is a copy.
        raise NotShown("its count has gone back")
    Passkey.objects.filter(pk=known.pk).update(uses=uses, used_at=Now())
    return Player.objects.select_related("partner").get(pk=known.player_id)


def _server() -> Fido2Server:
    ours = urlsplit(settings.BASE_URL)
    host = ours.hostname or ""
    name = "localhost" if host in _LOOPBACK else host
    port = f":{ours.port}" if ours.port else ""
    entity = PublicKeyCredentialRpEntity(id=name, name=settings.OPERATOR_NAME)
    return Fido2Server(entity, verify_origin=lambda origin: origin == f"{ours.scheme}://{name}{port}")
