"""Every page under /compte/: in the site's frame, in both languages, none in allauth's own look."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import User
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_limits")]

PASSWORD = "porte-ouverte-31"


@pytest.fixture
def person() -> User:
    user = UserFactory.create(email="camille@example.org", name="Camille Exemple")
    user.set_password(PASSWORD)
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


@pytest.fixture
def signed_in(client: Client, person: User) -> Client:
    client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    assert "_auth_user_id" in client.session
    # The pages of the second factor ask once more who is there.
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return client


def in_our_frame(html: str) -> bool:
    return all(
        part in html
        for part in (
            'href="/static/css/look.css"',
            '<a class="skip" href="#contenu">',
            "mast wall",
            '<symbol id="porte-ouverte"',
        )
    )


# The pages of a stranger, then those of somebody signed in; with what they are called.
STRANGER = {
    "account_login": ("Se connecter", "Sign in"),
    "account_signup": ("Ouvrez votre bureau", "Open your desk"),
    "account_reset_password": ("Mot de passe oublié", "Forgotten password"),
    "account_reset_password_done": ("Regardez vos messages", "Look in your mail"),
    "account_reset_password_from_key_done": (
        "Votre nouveau mot de passe est gardé",
        "Your new password is kept",
    ),
    "account_email_verification_sent": ("Regardez vos messages", "Look in your mail"),
    "account_inactive": ("Ce compte est fermé", "This account is closed"),
    "socialaccount_login_cancelled": ("Vous avez fait demi-tour", "You turned back"),
    "socialaccount_login_error": ("L’autre site n’a pas répondu", "The other site did not answer"),
}
SIGNED_IN = {
    "accounts:profile": ("Profil", "Profile"),
    "account_email": ("Adresses e-mail", "E-mail addresses"),
    "account_change_password": ("Changer le mot de passe", "Change the password"),
    "account_logout": ("Se déconnecter", "Sign out"),
    "mfa_index": ("Double vérification", "Second factor"),
    "mfa_activate_totp": ("Relier l’application", "Set up the app"),
    "mfa_list_webauthn": ("Clés de sécurité", "Security keys"),
    "mfa_add_webauthn": ("Ajouter une clé", "Add a key"),
    "account_reauthenticate": ("Confirmez que c’est vous", "Confirm it is you"),
    "socialaccount_connections": ("Autres connexions", "Other sign-ins"),
}
# Those that need a place of their own to stand in (tested below), or are no page, or are not switched on.
ELSEWHERE = {
    "account_set_password": "only for an account without password: below",
    "account_confirm_email": "below",
    "account_reset_password_from_key": "below",
    "mfa_authenticate": "below",
    "mfa_reauthenticate": "below",
    "mfa_deactivate_totp": "below",
    "mfa_view_recovery_codes": "below",
    "mfa_generate_recovery_codes": "below",
    "mfa_download_recovery_codes": "a file",
    "mfa_edit_webauthn": "needs a key",
    "mfa_remove_webauthn": "needs a key",
    "mfa_reauthenticate_webauthn": "needs a key",
    "mfa_login_webauthn": "not on: signing in with a passkey alone",
    "mfa_signup_webauthn": "not on: signing up with a passkey",
    "account_signup_by_passkey": "not on: signing up with a passkey",
    "mfa_trust": "not on: trusted browsers",
    "account_request_login_code": "not on: sign-in codes",
    "account_confirm_login_code": "not on: sign-in codes",
    "account_confirm_password_reset_code": "not on: reset codes",
    "account_complete_password_reset": "not on: reset codes",
    "account_change_phone": "not on: telephones",
    "account_verify_phone": "not on: telephones",
    "socialaccount_signup": "needs another site's answer: below",
    "openid_connect_login": "needs a provider",
    "openid_connect_callback": "needs a provider",
}


def names_below(resolver: URLResolver, prefix: str = "") -> set[str]:
    found = set()
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            namespace = f"{prefix}{entry.namespace}:" if entry.namespace else prefix
            found |= names_below(entry, namespace)
        elif isinstance(entry, URLPattern) and entry.name:
            found.add(f"{prefix}{entry.name}")
    return found


def test_no_page_under_compte_is_forgotten() -> None:
    under_compte = set()
    for entry in get_resolver().url_patterns:
        if isinstance(entry, URLResolver) and str(entry.pattern) == "compte/":
            under_compte |= names_below(entry, f"{entry.namespace}:" if entry.namespace else "")
    assert under_compte - set(STRANGER) - set(SIGNED_IN) - set(ELSEWHERE) == set()


@pytest.mark.parametrize("name", STRANGER)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_stranger_s_page(client: Client, name: str, language: str) -> None:
    answer = client.get(reverse(name), headers={"accept-language": language})
    html = answer.content.decode()
    assert answer.status_code == (401 if name == "socialaccount_login_error" else 200)
    assert in_our_frame(html)
    assert f"<h1>{STRANGER[name][language == 'en']}</h1>" in html
    assert '<meta name="robots" content="noindex">' in html


@pytest.mark.parametrize("name", SIGNED_IN)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_page_of_one_s_own_account(signed_in: Client, name: str, language: str) -> None:
    answer = signed_in.get(reverse(name), headers={"accept-language": language})
    html = answer.content.decode()
    assert answer.status_code == 200
    assert in_our_frame(html)
    assert f"<h1>{SIGNED_IN[name][language == 'en']}</h1>" in html


@pytest.mark.parametrize("name", [name for name in SIGNED_IN if name != "account_logout"])
def test_a_stranger_is_asked_to_sign_in_first(client: Client, name: str) -> None:
    answer = client.get(reverse(name))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"{reverse('account_login')}?next=")


def test_every_french_page_is_french(signed_in: Client) -> None:
    """No English word of ours or of allauth's shows through."""
    english = re.compile(r"\b(Email|Password|Sign|Your|Please|Change|Remove|Address|the|and)\b")
    for name in SIGNED_IN:
        html = signed_in.get(reverse(name), headers={"accept-language": "fr"}).content.decode()
        words = re.sub(
            r"<(script|style|svg).*?</\1>|<[^>]+lang=\"en\".*?</button>", " ", html, flags=re.DOTALL
        )
        text = re.sub(r"<[^>]+>", " ", words)
        assert english.findall(text) == [], name


def test_the_second_factor_asks_once_more_who_is_there(client: Client, person: User) -> None:
    client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    answer = client.get(reverse("mfa_activate_totp"))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))


def test_after_signing_in_one_goes_to_one_s_desk(client: Client, person: User) -> None:
    answer = client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/bureau/")


def test_a_wrong_password_is_told_and_the_address_is_kept(client: Client, person: User) -> None:
    answer = client.post(reverse("account_login"), {"login": person.email, "password": "autre"})
    html = answer.content.decode()
    assert "Cette adresse et ce mot de passe ne vont pas ensemble." in html
    assert 'value="camille@example.org"' in html
    assert "Un point à revoir" in html


def test_too_many_tries_are_slowed_down(client: Client, person: User) -> None:
    for _ in range(12):
        answer = client.post(reverse("account_login"), {"login": person.email, "password": "autre"})
    html = answer.content.decode()
    assert "Trop d’essais" in html
    assert in_our_frame(html)


def test_signing_up_asks_for_address_name_and_password(client: Client) -> None:
    html = client.get(reverse("account_signup")).content.decode()
    form = html[html.index('action="/compte/signup/"') :]
    names = re.findall(r'<input[^>]* name="([^"]+)"', form[: form.index("</form>")])
    assert [name for name in names if name != "csrfmiddlewaretoken"] == ["email", "name", "password1"]


def test_a_new_host_signs_up_confirms_and_lands_at_the_desk(client: Client) -> None:
    answer = client.post(
        reverse("account_signup"),
        {"email": "Nouvelle@Example.org", "name": "  Sacha   Test ", "password1": PASSWORD},
    )
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        reverse("account_email_verification_sent"),
    )
    user = User.objects.get(email="nouvelle@example.org")
    assert (user.name, user.locale) == ("Sacha Test", "fr")
    link = re.search(r"http\S+/compte/confirm-email/\S+", str(mail.outbox[0].body))
    assert link
    address = re.sub(r"^https?://[^/]+", "", link.group())
    confirm = client.get(address)
    assert "<h1>Est-ce votre adresse\u00a0?</h1>" in confirm.content.decode()
    assert not EmailAddress.objects.get(user=user).verified  # looking is not confirming
    client.post(address)
    assert EmailAddress.objects.get(user=user).verified
    client.post(reverse("account_login"), {"login": "nouvelle@example.org", "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(user.pk)


def test_a_name_of_spaces_is_no_name(client: Client) -> None:
    answer = client.post(
        reverse("account_signup"), {"email": "a@example.org", "name": " \u200b ", "password1": PASSWORD}
    )
    assert answer.status_code == 200
    assert not User.objects.exists()
    assert 'aria-invalid="true"' in answer.content.decode()


def test_a_new_person_is_written_to_in_the_language_of_the_page(client: Client) -> None:
    client.post(
        reverse("account_signup"),
        {"email": "new@example.org", "name": "Sam", "password1": PASSWORD},
        headers={"accept-language": "en"},
    )
    assert User.objects.get().locale == "en"
    assert mail.outbox[0].subject == "Confirm your address"


def test_nobody_learns_that_an_address_is_known(client: Client, person: User) -> None:
    known = client.post(
        reverse("account_signup"), {"email": person.email, "name": "X", "password1": PASSWORD}
    )
    unknown = client.post(
        reverse("account_signup"), {"email": "x@example.org", "name": "X", "password1": PASSWORD}
    )
    assert known.status_code == unknown.status_code == 302
    assert known.headers["Location"] == unknown.headers["Location"]
    assert [(m.to, m.subject) for m in mail.outbox] == [
        ([person.email], "Vous avez déjà un bureau"),
        (["x@example.org"], "Confirmez votre adresse"),
    ]


def test_an_old_confirmation_link_says_how_to_get_a_new_one(client: Client) -> None:
    html = client.get(reverse("account_confirm_email", args=["usé"])).content.decode()
    assert "<h1>Ce lien ne marche plus</h1>" in html
    assert f'href="{reverse("account_login")}"' in html


def test_a_forgotten_password_is_replaced_by_the_link_once(client: Client, person: User) -> None:
    client.post(reverse("account_reset_password"), {"email": person.email})
    link = re.search(r"http\S+/compte/password/reset/key/\S+", str(mail.outbox[0].body))
    assert link
    address = re.sub(r"^https?://[^/]+", "", link.group())
    form = client.get(address, follow=True)
    assert "<h1>Un nouveau mot de passe</h1>" in form.content.decode()
    client.post(form.request["PATH_INFO"], {"password1": "nouvelle-clef-12", "password2": "nouvelle-clef-12"})
    person.refresh_from_db()
    assert person.check_password("nouvelle-clef-12")
    again = Client().get(address, follow=True)
    assert "<h1>Ce lien ne marche plus</h1>" in again.content.decode()


def test_an_account_without_password_may_choose_one(signed_in: Client, person: User) -> None:
    person.set_unusable_password()
    person.save()
    signed_in.force_login(person)
    html = signed_in.get(reverse("account_set_password")).content.decode()
    assert "<h1>Choisissez un mot de passe</h1>" in html
    assert in_our_frame(html)


def test_the_second_factor_from_end_to_end(signed_in: Client, person: User) -> None:
    TOTP.activate(person, generate_totp_secret())
    RecoveryCodes.activate(person)
    for name, heading in {
        "mfa_deactivate_totp": "Désactiver les codes de l’application\u00a0?",
        "mfa_view_recovery_codes": "Codes de secours",
        "mfa_generate_recovery_codes": "Faire de nouveaux codes\u00a0?",
        "mfa_reauthenticate": "Confirmez que c’est vous",
    }.items():
        html = signed_in.get(reverse(name)).content.decode()
        assert f"<h1>{heading}</h1>" in html, name
        assert in_our_frame(html), name
    assert "Dix codes" not in signed_in.get(reverse("mfa_index")).content.decode()
    signed_in.post(reverse("account_logout"))
    asked = signed_in.post(
        reverse("account_login"), {"login": person.email, "password": PASSWORD}, follow=True
    )
    assert "<h1>Encore une chose</h1>" in asked.content.decode()
    assert "_auth_user_id" not in signed_in.session
    refused = signed_in.post(reverse("mfa_authenticate"), {"code": "000000"}).content.decode()
    assert "Ce n’est pas le code du moment" in refused
    code = RecoveryCodes(Authenticator.objects.get(user=person, type="recovery_codes")).get_unused_codes()[0]
    answer = signed_in.post(reverse("mfa_authenticate"), {"code": code})
    assert answer.headers["Location"] == "/bureau/"


# Profile ---------------------------------------------------------------------------------------------------


def test_a_profile_is_saved(signed_in: Client, person: User) -> None:
    answer = signed_in.post(reverse("accounts:profile"), {"name": "Camille  Martin", "locale": "en"})
    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("accounts:profile"))
    person.refresh_from_db()
    assert (person.name, person.locale) == ("Camille Martin", "en")
    assert "Votre profil est enregistré." in signed_in.get(reverse("accounts:profile")).content.decode()


@pytest.mark.parametrize(
    "typed",
    [{"name": "", "locale": "fr"}, {"name": "X", "locale": "xx"}, {"name": "x" * 121, "locale": "fr"}],
)
def test_a_refused_profile_changes_nothing(signed_in: Client, person: User, typed: dict[str, str]) -> None:
    answer = signed_in.post(reverse("accounts:profile"), typed)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert 'role="alert"' in html
    person.refresh_from_db()
    assert (person.name, person.locale) == ("Camille Exemple", "fr")
    assert "<div>Camille Exemple<span>" in html


def test_a_profile_is_only_ever_one_s_own(signed_in: Client) -> None:
    other = UserFactory.create(name="Autre")
    signed_in.post(
        reverse("accounts:profile"), {"name": "Pirate", "locale": "fr", "id": str(other.pk), "is_staff": "on"}
    )
    other.refresh_from_db()
    assert other.name == "Autre"
    assert not User.objects.filter(is_staff=True).exists()


def test_signing_out_takes_a_press(signed_in: Client) -> None:
    signed_in.get(reverse("account_logout"))
    assert "_auth_user_id" in signed_in.session
    answer = signed_in.post(reverse("account_logout"))
    assert answer.headers["Location"] == "/"
    assert "_auth_user_id" not in signed_in.session
