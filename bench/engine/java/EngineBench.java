import exchange.core2.collections.objpool.ObjectsPool;
import exchange.core2.core.ExchangeApi;
import exchange.core2.core.ExchangeCore;
import exchange.core2.core.common.CoreSymbolSpecification;
import exchange.core2.core.common.CoreWaitStrategy;
import exchange.core2.core.common.MatcherEventType;
import exchange.core2.core.common.MatcherTradeEvent;
import exchange.core2.core.common.OrderAction;
import exchange.core2.core.common.OrderType;
import exchange.core2.core.common.SymbolType;
import exchange.core2.core.common.api.ApiAddUser;
import exchange.core2.core.common.api.ApiAdjustUserBalance;
import exchange.core2.core.common.api.ApiCancelOrder;
import exchange.core2.core.common.api.ApiCommand;
import exchange.core2.core.common.api.ApiMoveOrder;
import exchange.core2.core.common.api.ApiNop;
import exchange.core2.core.common.api.ApiPlaceOrder;
import exchange.core2.core.common.api.ApiReset;
import exchange.core2.core.common.api.binary.BatchAddSymbolsCommand;
import exchange.core2.core.common.cmd.CommandResultCode;
import exchange.core2.core.common.cmd.OrderCommand;
import exchange.core2.core.common.config.ExchangeConfiguration;
import exchange.core2.core.common.config.LoggingConfiguration;
import exchange.core2.core.common.config.PerformanceConfiguration;
import exchange.core2.core.orderbook.IOrderBook;
import exchange.core2.core.orderbook.OrderBookDirectImpl;
import exchange.core2.core.orderbook.OrderBookEventsHelper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * The Java engine's own process: EngineBench (pipeline|book) FLOW WARM_UPS REPETITIONS ACCOUNTS
 *
 * <p>Prints the same JSON object as bench/engine/timing.py makes for Python engines.
 */
public final class EngineBench {
    static final int SYMBOL = 1;
    static final int BASE = 1;
    static final int QUOTE = 2;
    static final long RICH = 1_000_000_000_000_000L;
    static final long RESERVE_TICKS = 2_000_000; // what a bid holds for, so that it can be moved up
    static final String[] KINDS = {"rest", "take", "cancel", "modify"};

    static final CoreSymbolSpecification MARKET =
            CoreSymbolSpecification.builder()
                    .symbolId(SYMBOL)
                    .type(SymbolType.CURRENCY_EXCHANGE_PAIR)
                    .baseCurrency(BASE)
                    .quoteCurrency(QUOTE)
                    .baseScaleK(1_000)
                    .quoteScaleK(10)
                    .takerFee(20_000) // for a lot: 2,000 ppm of the price at the start
                    .makerFee(10_000)
                    .build();

    /** What is played: the flow's messages as rows of integers, the first of which fill the book. */
    record Flow(int setup, List<long[]> messages) {
        static Flow read(Path path) throws IOException {
            List<String> lines = Files.readAllLines(path);
            List<long[]> messages = new ArrayList<>(lines.size());
            for (String line : lines.subList(1, lines.size())) {
                messages.add(Arrays.stream(line.split(" ")).mapToLong(Long::parseLong).toArray());
            }
            return new Flow(Integer.parseInt(lines.get(0).split(" ")[0]), messages);
        }

        int measured() {
            return messages.size() - setup;
        }
    }

    /** What the trades of a flow come to. */
    static final class Tally {
        long trades;
        long volume;
        long refused;

        void add(OrderCommand command, CommandResultCode result) {
            if (result != CommandResultCode.SUCCESS) refused++;
            for (MatcherTradeEvent event = command.matcherEvent; event != null; event = event.nextEvent) {
                if (event.eventType == MatcherEventType.TRADE) {
                    trades++;
                    volume += event.size;
                }
            }
        }

        String json(Flow flow, String kinds) {
            if (refused > 0) throw new IllegalStateException(refused + " commands were refused");
            return String.format(
                    "\"kinds_ns\":{%s},\"inspected\":%d,\"trades\":%d,\"volume_lots\":%d",
                    kinds, flow.measured(), trades, volume);
        }
    }

    interface Contest {
        /** Play the flow on an empty book; return the seconds that the measured part took. */
        double run() throws Exception;

        /** Play once more, and tell what was traded. */
        String inspect() throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        Flow flow = Flow.read(Path.of(arguments[1]));
        int accounts = Integer.parseInt(arguments[4]);
        Contest contest = arguments[0].equals("book") ? new Book(flow) : new Pipeline(flow, accounts);
        for (int warmUp = Integer.parseInt(arguments[2]); warmUp > 0; warmUp--) contest.run();
        List<String> runs = new ArrayList<>();
        for (int repetition = Integer.parseInt(arguments[3]); repetition > 0; repetition--) {
            System.gc(); // as exchange-core's own benchmarks do
            runs.add(String.format("[%.9f,%d]", contest.run(), flow.measured()));
        }
        System.out.printf("{\"runs\":[%s],%s}%n", String.join(",", runs), contest.inspect());
        System.exit(0); // the pipeline's threads are no daemons
    }

    /** The order book alone, played as exchange-core's own ITOrderBookBase does. */
    static final class Book implements Contest {
        final Flow flow;
        final List<OrderCommand> commands;

        Book(Flow flow) {
            this.flow = flow;
            commands = flow.messages().stream().map(Book::command).collect(Collectors.toList());
        }

        static OrderCommand command(long[] message) {
            long order = message[1];
            long price = message[3];
            long account = message[6] + 1;
            if (message[0] == 2) return market(OrderCommand.cancel(order, account));
            if (message[0] == 3) return market(OrderCommand.update(order, account, price));
            return market(
                    OrderCommand.newOrder(
                            type(message), order, account, price, RESERVE_TICKS, message[4], side(message)));
        }

        static OrderCommand market(OrderCommand command) {
            command.symbol = SYMBOL;
            return command;
        }

        IOrderBook filled(OrderCommand work) {
            IOrderBook book =
                    new OrderBookDirectImpl(
                            MARKET,
                            ObjectsPool.createDefaultTestPool(),
                            OrderBookEventsHelper.NON_POOLED_EVENTS_HELPER,
                            LoggingConfiguration.DEFAULT);
            for (OrderCommand command : commands.subList(0, flow.setup())) play(book, command, work);
            return book;
        }

        static CommandResultCode play(IOrderBook book, OrderCommand command, OrderCommand work) {
            command.writeTo(work);
            work.resultCode = CommandResultCode.VALID_FOR_MATCHING_ENGINE;
            work.matcherEvent = null;
            return IOrderBook.processCommand(book, work);
        }

        @Override
        public double run() {
            OrderCommand work = new OrderCommand();
            IOrderBook book = filled(work);
            List<OrderCommand> measured = commands.subList(flow.setup(), commands.size());
            long began = System.nanoTime();
            for (OrderCommand command : measured) play(book, command, work);
            return (System.nanoTime() - began) / 1e9;
        }

        @Override
        public String inspect() {
            OrderCommand work = new OrderCommand();
            IOrderBook book = filled(work);
            Tally tally = new Tally();
            long[] spentNs = new long[KINDS.length];
            long[] counts = new long[KINDS.length];
            for (int at = flow.setup(); at < commands.size(); at++) {
                int kind = (int) flow.messages().get(at)[0];
                long began = System.nanoTime();
                CommandResultCode result = play(book, commands.get(at), work);
                spentNs[kind] += System.nanoTime() - began;
                counts[kind]++;
                tally.add(work, result);
            }
            List<String> means = new ArrayList<>();
            for (int kind = 0; kind < KINDS.length; kind++) {
                if (counts[kind] == 0) continue;
                means.add(String.format("\"%s\":%d", KINDS[kind], spentNs[kind] / counts[kind] - clockCostNs()));
            }
            return tally.json(flow, String.join(",", means));
        }

        static long clockCostNs() {
            int samples = 100_000;
            long spent = 0;
            for (int sample = 0; sample < samples; sample++) {
                long began = System.nanoTime();
                spent += System.nanoTime() - began;
            }
            return spent / samples;
        }
    }

    /** Everything: risk engine with accounts, order book, results; one thread each, waiting by blocking. */
    static final class Pipeline implements Contest {
        final Flow flow;
        final int accounts;
        final List<ApiCommand> commands;
        final ExchangeCore core;
        final ExchangeApi api;
        volatile Tally tally; // only while somebody wants to know

        Pipeline(Flow flow, int accounts) {
            this.flow = flow;
            this.accounts = accounts;
            commands = flow.messages().stream().map(Pipeline::command).collect(Collectors.toList());
            core =
                    ExchangeCore.builder()
                            .resultsConsumer((command, sequence) -> result(command))
                            .exchangeConfiguration(
                                    ExchangeConfiguration.defaultBuilder().performanceCfg(performance()).build())
                            .build();
            core.startup();
            api = core.getApi();
        }

        /** Their base settings (blocking wait, threads without affinity), with the quick order book. */
        static PerformanceConfiguration performance() {
            return PerformanceConfiguration.baseBuilder()
                    .ringBufferSize(32 * 1024) // as in their PerfThroughput
                    .waitStrategy(CoreWaitStrategy.BLOCKING)
                    .orderBookFactory(OrderBookDirectImpl::new)
                    .build();
        }

        void result(OrderCommand command) {
            Tally wanted = tally;
            if (wanted != null && isOrder(command)) wanted.add(command, command.resultCode);
        }

        static boolean isOrder(OrderCommand command) {
            return switch (command.command) {
                case PLACE_ORDER, CANCEL_ORDER, MOVE_ORDER -> true;
                default -> false;
            };
        }

        static ApiCommand command(long[] message) {
            long order = message[1];
            long price = message[3];
            long account = message[6] + 1;
            if (message[0] == 2) {
                return ApiCancelOrder.builder().orderId(order).uid(account).symbol(SYMBOL).build();
            }
            if (message[0] == 3) {
                return ApiMoveOrder.builder().orderId(order).uid(account).symbol(SYMBOL).newPrice(price).build();
            }
            return ApiPlaceOrder.builder()
                    .orderId(order)
                    .uid(account)
                    .symbol(SYMBOL)
                    .price(price)
                    .reservePrice(RESERVE_TICKS)
                    .size(message[4])
                    .action(side(message))
                    .orderType(type(message))
                    .build();
        }

        void fill() {
            api.submitCommandAsync(ApiReset.builder().build()).join();
            api.submitBinaryDataAsync(new BatchAddSymbolsCommand(MARKET)).join();
            LongStream.rangeClosed(1, accounts).forEach(this::open);
            api.submitCommandsSync(commands.subList(0, flow.setup()));
        }

        void open(long account) {
            api.submitCommand(ApiAddUser.builder().uid(account).build());
            for (int currency : new int[] {BASE, QUOTE}) {
                api.submitCommand(
                        ApiAdjustUserBalance.builder()
                                .uid(account)
                                .transactionId(account * 10 + currency)
                                .currency(currency)
                                .amount(RICH)
                                .build());
            }
        }

        @Override
        public double run() {
            fill();
            long began = System.nanoTime();
            api.submitCommandsSync(commands.subList(flow.setup(), commands.size()));
            return (System.nanoTime() - began) / 1e9;
        }

        @Override
        public String inspect() {
            fill();
            Tally found = new Tally();
            tally = found;
            api.submitCommandsSync(commands.subList(flow.setup(), commands.size()));
            api.submitCommandAsync(ApiNop.builder().build()).join();
            tally = null;
            return found.json(flow, "");
        }
    }

    static OrderType type(long[] message) {
        return message[5] == 1 ? OrderType.IOC : OrderType.GTC;
    }

    static OrderAction side(long[] message) {
        return message[2] == 0 ? OrderAction.BID : OrderAction.ASK;
    }

    private EngineBench() {}
}
