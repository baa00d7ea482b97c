"""The CSRF token of a form, as ``django.middleware.csrf.get_token`` makes it, at a tenth of its cost.

Django asks the system for each letter alone, up to 64 times for a page. What comes out is the same: a secret
for the cookie, and on the page a mask with the secret enciphered by it, another one for each page (BREACH).
"""

from __future__ import annotations

import os

from django.http import HttpRequest
from django.middleware.csrf import CSRF_ALLOWED_CHARS, CSRF_SECRET_LENGTH

_LETTERS = CSRF_ALLOWED_CHARS
_FAIR = 256 - 256 % len(_LETTERS)
"""Bytes from here on would make the first letters likelier."""
_LETTER_OF = {byte: _LETTERS[byte % len(_LETTERS)] for byte in range(_FAIR)}
_SUM = {
    (one, other): _LETTERS[(first + second) % len(_LETTERS)]
    for first, one in enumerate(_LETTERS)
    for second, other in enumerate(_LETTERS)
}


def form_token(request: HttpRequest) -> str:
    """The token of a form for this reader, whose cookie is set or set again with the answer."""
    secret: str = request.META.get("CSRF_COOKIE") or random_letters(CSRF_SECRET_LENGTH)
    request.META["CSRF_COOKIE"] = secret
    request.META["CSRF_COOKIE_NEEDS_UPDATE"] = True
    mask = random_letters(CSRF_SECRET_LENGTH)
    return mask + "".join([_SUM[pair] for pair in zip(secret, mask, strict=True)])


def random_letters(number: int) -> str:
    """So many letters and digits nobody can foresee, each as likely as any other."""
    letters: list[str] = []
    while len(letters) < number:
        letters += [_LETTER_OF[byte] for byte in os.urandom(number + 8) if byte < _FAIR]
    return "".join(letters[:number])
