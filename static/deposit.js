// What the pages gain with script; without it everything works too, with a reload here and there.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const line = $("line");
  const panel = $("panel");
  const offline = $("offline");
  const url = panel && panel.dataset.live;
  // The one place where text becomes markup: our own server's, escaped there.
  const same = { createHTML: (html) => html, createScriptURL: (address) => address };
  const trust = window.trustedTypes ? trustedTypes.createPolicy("panel", same) : same;
  if (navigator.serviceWorker) {
    addEventListener("load", () => {
      const worker = trust.createScriptURL("/deposit/worker.js");
      navigator.serviceWorker.register(worker, { scope: "/deposit/" }).catch(() => {});
    });
  }
  document.documentElement.classList.add("js");

  // One tap sends once, and says so at once.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    if (!("once" in form.dataset)) return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = 1;
    if (!form.elements.live) {
      const live = document.createElement("input");
      Object.assign(live, { type: "hidden", name: "live", value: "1" });
      form.append(live);
    }
    if (button) {
      button.setAttribute("aria-disabled", "true");
      button.kept = [...button.childNodes];
      button.replaceChildren(button.dataset.sending);
    }
    if (offline && !navigator.onLine) {
      event.preventDefault();
      hold(form);
    }
  });
  const unsend = () => {
    for (const form of document.querySelectorAll("[data-sent]")) delete form.dataset.sent;
    for (const button of document.querySelectorAll("[aria-disabled]")) {
      button.removeAttribute("aria-disabled");
      if (button.kept) button.replaceChildren(...button.kept);
    }
  };

  // The status region says one thing at a time: that the connection is gone, or what the page has become.
  const say = (text, heard) => {
    line.className = heard ? "line hidden" : "line";
    if (line.textContent !== text) line.textContent = text;
  };

  // A tap without a connection is kept for a minute, as long as the page is looked at; its key makes it count once.
  let held = null;
  let drop = 0;
  const hold = (form) => {
    held = form;
    offline.hidden = false;
    say(offline.dataset.held);
    drop = setTimeout(letGo, 60000);
  };
  const letGo = (text = offline.dataset.dropped) => {
    if (!held) return;
    clearTimeout(drop);
    held = null;
    offline.hidden = true;
    unsend();
    say(text);
  };
  const sendHeld = () => {
    if (!held || !navigator.onLine) return;
    clearTimeout(drop);
    offline.hidden = true;
    held.submit();
    held = null;
  };

  if (!url) {
    if (!offline) return;
    const look = () => {
      if (!navigator.onLine) held || say(offline.dataset.offline);
      else if (line.textContent === offline.dataset.offline) say("");
    };
    addEventListener("online", () => {
      sendHeld();
      look();
    });
    addEventListener("offline", look);
    addEventListener("pageshow", (event) => {
      if (event.persisted) {
        letGo("");
        unsend();
      }
      look();
    });
    document.addEventListener("visibilitychange", () => document.hidden && letGo());
    $("try").onclick = sendHeld;
    $("stop").onclick = () => letGo();
    return;
  }

  let stream = null;
  let over = false;
  // Just made, and to be approved at the bank: the page goes on there by itself, once, and not again when it is reloaded
  // or come back to.
  let goOn = panel.dataset.on;
  if (goOn) {
    const here = new URL(location);
    here.searchParams.delete(goOn);
    history.replaceState(null, "", here);
  }
  const go = () => {
    const link = goOn && panel.querySelector("[data-go]");
    if (!link) return;
    // Before the page has loaded it would be replaced, and Back would not lead to it.
    if (document.readyState !== "complete") return addEventListener("load", () => setTimeout(go));
    goOn = "";
    location.assign(link.href);
  };
  let tries = 0;
  let retry = 0;
  let poll = 0;
  let rest = 0;
  let otp = null;

  const show = (state) => {
    over = state.final;
    if (state.version !== panel.dataset.version) {
      const at = document.activeElement && panel.contains(document.activeElement) && document.activeElement.id;
      const unfolded = panel.querySelector("[open]");
      const typed = $("code") && $("code").value;
      panel.innerHTML = trust.createHTML(state.html);
      if (typed && $("code")) $("code").value = typed;
      if (unfolded && panel.querySelector("details")) panel.querySelector("details").open = true;
      panel.dataset.version = state.version;
      document.title = state.title;
      unsend();
      say(state.status, true);
      if (at && $(at)) $(at).focus();
      readText();
      go();
    } else if (line.className === "line") say("");
    if (over) close();
  };

  // The page itself says the same as the stream; it is asked when the stream cannot be.
  const reread = async () => {
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      const page = new DOMParser().parseFromString(trust.createHTML(await answer.text()), "text/html");
      const now = page.getElementById("panel");
      if (answer.status > 499) throw answer;
      // Signed out meanwhile: the page says so.
      if (!now) return location.reload();
      const { version, status, final } = now.dataset;
      show({ title: page.title, html: now.innerHTML, status, version, final: Boolean(final) });
    } catch {
      say(panel.dataset.lost);
    }
  };

  const close = () => {
    if (stream) stream.close();
    stream = null;
    clearTimeout(retry);
    clearInterval(poll);
    if (otp) otp.abort();
  };
  const connect = () => {
    clearTimeout(retry);
    if (stream || over) return;
    stream = new EventSource(url);
    stream.onmessage = (event) => {
      tries = 0;
      clearInterval(poll);
      show(JSON.parse(event.data));
    };
    stream.onerror = lost;
  };
  const lost = () => {
    close();
    if (over) return;
    // 1, 2, 4, 8 and then 15 s, each spread, so that all pages do not come back together.
    retry = setTimeout(connect, Math.min(15, 2 ** tries++) * (700 + 300 * Math.random()));
    reread();
    if (tries < 6) poll = setInterval(reread, 2500);
  };
  const begin = () => {
    tries = 0;
    connect();
    readText();
  };

  // The code is taken out of the text message, after the player's own "Allow".
  const readText = async () => {
    const field = $("code");
    if (!field || !navigator.credentials) return;
    if (otp) otp.abort();
    otp = new AbortController();
    try {
      const found = await navigator.credentials.get({ otp: { transport: ["sms"] }, signal: otp.signal });
      if (!found || !found.code) return;
      field.value = found.code;
      field.form.requestSubmit([...field.form.elements].find((one) => one.type === "submit"));
    } catch {
      // Not offered here, or not allowed: the field is there.
    }
  };

  addEventListener("offline", () => over || say(panel.dataset.lost));
  addEventListener("online", () => {
    close();
    reread();
    begin();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    unsend();
    over = false;
    reread();
    begin();
  });
  document.addEventListener("visibilitychange", () => {
    clearTimeout(rest);
    if (document.hidden) rest = setTimeout(close, 60000);
    else if (!stream && !over) {
      reread();
      begin();
    }
  });
  begin();
  go();
})();
