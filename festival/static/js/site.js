// Small conveniences. Every page works without this file.
(function () {
  "use strict";
  var words = document.documentElement.dataset;

  // A refusal is read first: the notice that lists what to correct takes the focus.
  var refusal = document.querySelector(".notice--bad[role=alert][tabindex]");
  if (refusal) refusal.focus();

  // "Give my place back": the same form, asked in a dialog.
  document.addEventListener("click", function (event) {
    var summary = event.target.closest(".give > summary");
    if (!summary || !window.HTMLDialogElement) return;
    var details = summary.parentElement, form = details.querySelector("form");
    if (!form || details.open) return;
    event.preventDefault();
    var dialog = document.createElement("dialog");
    dialog.className = "ask";
    dialog.setAttribute("aria-label", summary.textContent.trim());
    var back = document.createElement("button");
    back.type = "button";
    back.className = "btn btn--bare btn--small";
    back.textContent = words.wordBack || "Revenir";
    back.addEventListener("click", function () { dialog.close(); });
    dialog.addEventListener("close", function () {
      back.remove();
      details.append(form);
      dialog.remove();
      summary.focus();
    });
    form.append(back);
    dialog.append(form);
    document.body.append(dialog);
    dialog.showModal();
  });

  // Copy an address: the button appears only where copying works.
  document.querySelectorAll("[data-copy]").forEach(function (button) {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", function () {
      navigator.clipboard.writeText(button.dataset.copy).then(function () {
        var before = button.textContent;
        button.textContent = words.wordCopied || "Copié";
        button.setAttribute("aria-live", "polite");
        setTimeout(function () { button.textContent = before; }, 2500);
      });
    });
  });

  // Print, where a button offers it.
  document.querySelectorAll("[data-print]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });

  // Show what is typed in a password field.
  document.querySelectorAll("input[type=password]").forEach(function (input) {
    var button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn--line btn--small";
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-controls", input.id);
    button.textContent = words.wordShow || "Voir";
    button.setAttribute("aria-label", words.wordShowPassword || "Voir le mot de passe");
    button.addEventListener("click", function () {
      var shown = input.type === "password";
      input.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
      button.textContent = shown ? (words.wordHide || "Cacher") : (words.wordShow || "Voir");
    });
    var box = document.createElement("div");
    box.className = "reveal";
    input.replaceWith(box);
    box.append(input, button);
  });

  // A form that was sent is not sent twice by an impatient finger (the server refuses the second one anyway).
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(function () { delete form.dataset.sent; }, 4000);
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) { delete form.dataset.sent; });
  });

  // A page asked again in another light or language keeps its place.
  document.querySelectorAll("select[data-autosubmit]").forEach(function (select) {
    select.addEventListener("change", function () { select.form.requestSubmit(); });
  });
})();
