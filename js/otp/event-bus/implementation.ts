/** What the functions of `EventBus` use. They load it when one of them is called. */
export { Bus, busOf, Delivery, runningBusOf } from './bus.ts'
export { events, next, subscribe } from './subscribe.ts'
