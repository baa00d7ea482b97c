// Runs before the first paint: the light a person chose here wins over the device's. Nothing else is kept.
(function () {
  "use strict";
  var root = document.documentElement, key = "theme", chosen = null;
  try { chosen = localStorage.getItem(key); } catch (error) { /* storage refused: the device decides */ }
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;

  document.addEventListener("DOMContentLoaded", function () {
    var buttons = Array.from(document.querySelectorAll("[data-theme-choice]"));
    function show() {
      buttons.forEach(function (button) {
        button.setAttribute("aria-pressed", String(button.dataset.themeChoice === (root.dataset.theme || "")));
      });
    }
    buttons.forEach(function (button) {
      button.addEventListener("click", function () {
        var choice = button.dataset.themeChoice;
        if (choice) root.dataset.theme = choice; else delete root.dataset.theme;
        try { if (choice) localStorage.setItem(key, choice); else localStorage.removeItem(key); } catch (error) { /* kept for this page only */ }
        show();
      });
    });
    show();
  });
})();
