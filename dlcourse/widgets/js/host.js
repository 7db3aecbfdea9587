// Runs the widgets in a static page: no kernel, no module loader, nothing from other hosts.
// Works from file:// too. Each widget's script calls dlw.define(name, widget).

(() => {
  // The part of anywidget's model that the widgets use, over the JSON that the page carries.
  class Model {
    constructor(state) {
      this.state = { ...state, static: true };
      this.listeners = {};
    }

    get(key) {
      return this.state[key];
    }

    set(key, value) {
      if (this.state[key] === value) return;
      this.state[key] = value;
      this.emit(`change:${key}`);
      this.emit("change");
    }

    save_changes() {}

    send() {}

    on(event, listener) {
      (this.listeners[event] ??= new Set()).add(listener);
    }

    off(event, listener) {
      if (listener) this.listeners[event]?.delete(listener);
      else delete this.listeners[event];
    }

    emit(event) {
      for (const listener of [...(this.listeners[event] ?? [])]) listener();
    }
  }

  const widgets = {};

  function mount(holder) {
    const widget = widgets[holder.dataset.dlw];
    if (!widget) return;
    holder.dataset.on = "";
    const body = document.createElement("div");
    try {
      const state = JSON.parse(holder.querySelector("script").textContent);
      holder.append(body);
      widget.render({ model: new Model(state), el: body });
      holder.querySelector(".dlw-fallback").remove();
    } catch (error) {
      body.remove(); // the reader keeps the fallback text
      console.error("widget", holder.dataset.dlw, error);
    }
  }

  const mountAll = () => document.querySelectorAll("[data-dlw]:not([data-on])").forEach(mount);

  window.dlw = {
    define(name, widget) {
      widgets[name] = widget;
      if (document.readyState !== "loading") mountAll();
    },
  };
  document.addEventListener("DOMContentLoaded", mountAll);
})();
