"""A form as the design draws it: its fields, and what is to be corrected."""

from __future__ import annotations

from typing import Any

from django import template
from django.forms import BaseForm, BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events import wording

register = template.Library()


@register.inclusion_tag("components/_field.html")
def field(
    bound: BoundField, label: str = "", help: str = "", short: bool = False, placeholder: str = ""
) -> dict[str, Any]:
    """A form field as the design draws it: label, help, error, control, in that order.

    ``label`` and ``help`` replace the form's; ``short`` is for numbers and codes.
    """
    widget = bound.field.widget
    is_group = isinstance(widget, (RadioSelect, CheckboxSelectMultiple))
    is_check = isinstance(widget, CheckboxInput) and not is_group
    hint = help.strip() if help else bound.help_text  # a blank help takes the form's away
    base = bound.auto_id or bound.html_name
    described = " ".join(
        part for part in (f"e-{base}" if bound.errors else "", f"h-{base}" if hint else "") if part
    )
    classes = [widget.attrs.get("class", "")]
    if not is_check and not is_group:
        classes.append("input")
    kind = getattr(widget, "input_type", "")
    if short or kind == "number":
        classes.append("input--short")
    attrs: dict[str, Any] = {"class": " ".join(c for c in classes if c)} if any(classes) else {}
    # Django adds ids of its own help and errors; ours name the parts as this template draws them.
    if described:
        attrs["aria-describedby"] = described
    if placeholder:
        attrs["placeholder"] = placeholder
    elif _letters(widget.attrs.get("placeholder")) in (_letters(bound.label), _letters(label)):
        widget.attrs.pop("placeholder", None)  # a label said twice helps nobody
    return {
        "field": bound,
        "control": None if is_group else bound.as_widget(attrs=attrs),
        "label": label or bound.label,
        "help": hint,
        "base": base,
        "described": described,
        "is_group": is_group,
        "is_check": is_check,
        "is_optional": not bound.field.required and not is_check,
    }


def _letters(text: object) -> str:
    return "".join(sign for sign in str(text or "").casefold() if sign.isalnum())


@register.inclusion_tag("components/_form_errors.html")
def form_errors(*forms: BaseForm) -> dict[str, Any]:
    """The notice that opens a refused form: how many points, each a link to its field."""
    points: list[tuple[str, str, str]] = []
    for form in forms:
        if form is None or not form.is_bound:
            continue
        for bound in form.visible_fields():
            target = bound.id_for_label or bound.auto_id
            points += [(target, str(bound.label or ""), str(error)) for error in bound.errors]
        points += [("", "", str(error)) for error in form.non_field_errors()]
        points += [("", "", str(error)) for hidden in form.hidden_fields() for error in hidden.errors]
    title = (
        ngettext("%(number)s point to correct", "%(number)s points to correct", len(points))
        % {"number": _spelled(len(points))}
        if points
        else ""
    )
    return {"points": points, "title": wording.with_capital(title)}


def _spelled(number: int) -> str:
    words = {1: _("one"), 2: _("two"), 3: _("three"), 4: _("four"), 5: _("five")}
    return words.get(number, str(number))
