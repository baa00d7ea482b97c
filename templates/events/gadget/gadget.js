{% comment %}Run on other sites' pages: one tag, one request, no cookie, no storage, nothing written as markup.{% endcomment %}/* Festival French Tech, the gadget. {{ guide }} */
(function () {
  "use strict";
  var WORDS = {{ words|safe }};
  var STYLE = {{ style|safe }};
  var SVG = "http://www.w3.org/2000/svg";
  var ASKED = ["ville", "hote", "jour", "moment", "operation", "format", "thematique", "public", "acces", "mode", "places", "autour", "q", "nombre"];

  var tag = document.currentScript || document.querySelector('script[src*="/gadget.js"]:not([data-pris])');
  if (!tag || !window.fetch || !Element.prototype.attachShadow) return;
  tag.setAttribute("data-pris", "");
  var asked = tag.dataset;
  var pageLanguage = (document.documentElement.lang || "").slice(0, 2).toLowerCase();
  var language = (asked.langue || pageLanguage) === "en" ? "en" : "fr";
  var words = WORDS[language];
  var level = Math.min(5, Math.max(1, parseInt(asked.niveau, 10) || 2));
  var source = new URL("gadget.json", tag.src);
  ASKED.forEach(function (name) { if (asked[name]) source.searchParams.set(name, asked[name]); });
  if (asked.parle) source.searchParams.set("langue", asked.parle);
  if (language === "en") source.searchParams.set("hl", "en");

  function make(name, attributes, children) {
    var element = document.createElement(name);
    Object.keys(attributes || {}).forEach(function (key) {
      if (attributes[key]) element.setAttribute(key, attributes[key]);
    });
    element.append.apply(element, children || []);
    return element;
  }
  function address(path) { return new URL(path, source).href; }
  function link(path, text, lang) { return make("a", { href: address(path), lang: lang }, [text]); }
  function draw(pieces, paint) {
    var svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 60 72");
    svg.setAttribute("aria-hidden", "true");
    svg.setAttribute("class", "door paint-" + paint);
    pieces.forEach(function (piece) {
      var shape = document.createElementNS(SVG, piece[0]);
      Object.keys(piece[1]).forEach(function (key) { shape.setAttribute(key, piece[1][key]); });
      svg.append(shape);
    });
    return svg;
  }
  function row(data, one) {
    return make("li", {}, [
      draw(data.doors[one.door] || [], one.paint),
      make("time", { "class": "g-time", datetime: one.at }, [one.time]),
      make("p", { "class": "g-what" }, [link(one.url, one.title, one.lang)]),
      make("p", { "class": "g-where" }, [one.where]),
      make("p", { "class": "g-left" }, [one.places])
    ]);
  }

  function begin() {
    var host = make("div", { lang: language, "data-theme": /^(light|dark|auto)$/.test(asked.theme) ? asked.theme : "" });
    var root = host.attachShadow({ mode: "open" });
    try {
      var sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
    } catch (error) { /* an old browser: the same words, without their dress */ }
    var title = make("h" + level, { "class": "g-title", id: "t", tabindex: "-1" });
    var said = make("p", { "class": "g-said", role: "status" });
    var body = make("div");
    var box = make("section", { "class": "g", "aria-labelledby": "t" }, [title, said, body]);
    root.append(box);
    var place = asked.cible && document.getElementById(asked.cible);
    if (place) place.replaceChildren(host);
    else if (tag.parentElement === document.head) document.body.append(host);
    else tag.after(host);

    function foot(more, site) {
      return make("p", { "class": "g-foot" }, [link(more.url, more.label), make("span", { "class": "g-site" }, [site])]);
    }
    function show(data, again) {
      title.textContent = data.title;
      said.textContent = data.empty || data.said;
      body.replaceChildren.apply(body, data.days.map(function (day) {
        return make("div", {}, [
          make("h" + (level + 1), { "class": "g-day" }, [day.label]),
          make("ul", { role: "list" }, day.rows.map(function (one) { return row(data, one); }))
        ]);
      }).concat(foot(data.more, data.site)));
      if (again) title.focus();
    }
    function fail() {
      title.textContent = words.title;
      said.textContent = words.failed;
      var button = make("button", { type: "button" }, [words.again]);
      button.addEventListener("click", function () { said.textContent = words.reading; load(true); });
      body.replaceChildren(button, foot({ url: "programme/" + (language === "en" ? "?hl=en" : ""), label: words.programme }, words.title));
    }
    function load(again) {
      var stop = new AbortController();
      var late = setTimeout(function () { stop.abort(); }, 15000);
      fetch(source, { credentials: "omit", referrerPolicy: "no-referrer", signal: stop.signal })
        .then(function (answer) { if (!answer.ok) throw new Error(String(answer.status)); return answer.json(); })
        .then(function (data) { show(data, again); })
        .catch(fail)
        .finally(function () { clearTimeout(late); });
    }
    load(false);
  }

  if (document.readyState === "loading" && (asked.cible || tag.parentElement === document.head)) document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
