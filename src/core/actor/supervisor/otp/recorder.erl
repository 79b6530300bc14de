%% Plays the scenarios on real Erlang/OTP supervisors and writes down what happened. See README.md.
%%
%% One scheduler (erl +S 1), so that what causes another thing is written before it.

-module(recorder).
-behaviour(supervisor).

-export([main/1, init/1, start_worker/1, start_worker/2, start_supervisor/1, worker/2]).

main([Scenarios, Logs]) ->
    logger:set_primary_config(level, none),
    Files = lists:sort(filelib:wildcard(filename:join(Scenarios, "*.txt"))),
    lists:foreach(fun(File) -> play(File, Logs) end, Files),
    halt().

play(File, Logs) ->
    Name = filename:basename(File, ".txt"),
    {ok, Text} = file:read_file(File),
    Lines = [string:lexemes(L, " ") || L <- string:split(Text, "\n", all),
                                       L =/= <<>>, binary:first(L) =/= $#],
    {Plan, [_Do | Steps]} = lists:splitwith(fun(L) -> L =/= [<<"do">>] end, Lines),
    ets:new(plan, [named_table, public]),
    ets:new(tried, [named_table, public]),
    ets:new(pids, [named_table, public]),
    lists:foreach(fun plan/1, Plan),
    Self = self(),
    Writer = spawn(fun() -> writer([], Self) end),
    register(writer, Writer),
    process_flag(trap_exit, true),
    lists:foreach(fun step/1, Steps),
    timer:sleep(50),
    Writer ! {finish, Self},
    Log = receive {log, L} -> L end,
    ok = file:write_file(filename:join(Logs, Name ++ ".txt"), [[X, "\n"] || X <- Log]),
    [exit(P, kill) || {_, P} <- ets:tab2list(pids)],
    timer:sleep(10),
    [ets:delete(T) || T <- [plan, tried, pids]],
    io:format("~s~n", [Name]).

%% Lines come in order from those who wait for the answer; exits come from monitors.
writer(Log, Owner) ->
    receive
        {say, From, Line} ->
            From ! said,
            writer([Line | Log], Owner);
        {begin_process, From, Word, Name, Pid} ->
            monitor(process, Pid, [{tag, {'DOWN', Name}}]),
            ets:insert(pids, {Name, Pid}),
            From ! said,
            writer([[Word, " ", Name] | Log], Owner);
        {{'DOWN', Name}, _, process, _, Reason} ->
            writer([["exit ", Name, " ", text(Reason)] | Log], Owner);
        {finish, From} ->
            From ! {log, lists:reverse(Log)}
    end.

say(Line) ->
    writer ! {say, self(), Line},
    receive said -> ok end.

text({shutdown, {failed_to_start_child, _, Reason}}) ->
    case text(Reason) of
        "shutdown" ++ _ = Deeper -> Deeper;
        Other -> "shutdown:" ++ Other
    end;
text({shutdown, Detail}) -> "shutdown:" ++ text(Detail);
text(Atom) when is_atom(Atom) -> atom_to_list(Atom).

reason(<<"shutdown:", Detail/binary>>) -> {shutdown, binary_to_atom(Detail)};
reason(Text) -> binary_to_atom(Text).

%% The plan.

plan([<<"sup">>, Name, Strategy, Intensity, Period, Auto]) ->
    Flags = #{strategy => binary_to_atom(Strategy), intensity => binary_to_integer(Intensity),
              period => binary_to_integer(Period), auto_shutdown => binary_to_atom(Auto)},
    ets:insert(plan, {{sup, Name}, Flags, []});
plan([<<"child">>, Sup, Name | Rest]) ->
    child(Name, Rest),
    [{Key, Flags, Children}] = ets:lookup(plan, {sup, Sup}),
    ets:insert(plan, {Key, Flags, Children ++ [Name]});
plan([<<"spec">>, _Sup, Name | Rest]) ->
    child(Name, Rest);
plan([<<"template">>, Sup | Rest]) ->
    child(<<"template">>, Rest),
    [{Key, Flags, _}] = ets:lookup(plan, {sup, Sup}),
    ets:insert(plan, {Key, Flags, [<<"template">>]}).

child(Name, [Restart, Shutdown, Type | Options]) ->
    Start = case {Name, Type} of
        {<<"template">>, _} -> {?MODULE, start_worker, []};
        {_, <<"supervisor">>} -> {?MODULE, start_supervisor, [Name]};
        {_, <<"worker">>} -> {?MODULE, start_worker, [Name]}
    end,
    Spec = #{id => Name, start => Start, restart => binary_to_atom(Restart), type => binary_to_atom(Type),
             significant => lists:member(<<"significant">>, Options),
             shutdown => case Shutdown of
                 <<"infinity">> -> infinity;
                 <<"brutal_kill">> -> brutal_kill;
                 _ -> binary_to_integer(Shutdown)
             end},
    ets:insert(plan, {{child, Name}, Spec, Options}).

spec(Name) ->
    [{_, Spec, _}] = ets:lookup(plan, {child, Name}),
    Spec.

option(Name, Key) ->
    [{_, _, Options}] = ets:lookup(plan, {child, Name}),
    Found = [Value || O <- Options, [K, Value] <- [string:split(O, "=")], K =:= Key],
    case Found of [] -> none; [Value] -> Value end.

%% The processes.

start_supervisor(Name) -> supervisor:start_link(?MODULE, Name).

init(Name) ->
    writer ! {begin_process, self(), "begin", Name, self()},
    receive said -> ok end,
    [{_, Flags, Children}] = ets:lookup(plan, {sup, Name}),
    {ok, {Flags, [spec(C) || C <- Children]}}.

start_worker(Name) -> start_worker(Name, none).

start_worker(Name, _) ->
    Tried = ets:update_counter(tried, Name, 1, {Name, 0}),
    case option(Name, <<"slow">>) of
        none -> ok;
        Ms -> timer:sleep(binary_to_integer(Ms))
    end,
    case listed(Tried, option(Name, <<"fail">>)) of
        true -> say(["fail ", Name]), {error, failed};
        false ->
            case listed(Tried, option(Name, <<"ignore">>)) of
                true -> say(["ignore ", Name]), ignore;
                false -> proc_lib:start_link(?MODULE, worker, [Name, self()])
            end
    end.

%% "2,3" or "2+", which is two and all after it.
listed(_, none) -> false;
listed(N, Text) ->
    lists:any(fun(Part) ->
        case binary:last(Part) of
            $+ -> N >= binary_to_integer(binary:part(Part, 0, byte_size(Part) - 1));
            _ -> N =:= binary_to_integer(Part)
        end
    end, string:split(Text, ",", all)).

worker(Name, Parent) ->
    [{_, _, Options}] = ets:lookup(plan, {child, Name}),
    Trap = lists:member(<<"deaf">>, Options) orelse option(Name, <<"lazy">>) =/= none
        orelse option(Name, <<"rude">>) =/= none,
    process_flag(trap_exit, Trap),
    writer ! {begin_process, self(), "start", Name, self()},
    receive said -> ok end,
    proc_lib:init_ack({ok, self()}),
    loop(Name, Parent).

loop(Name, Parent) ->
    receive
        {die, Reason} -> exit(Reason);
        {'EXIT', Parent, Reason} ->
            case {option(Name, <<"lazy">>), option(Name, <<"rude">>)} of
                {none, none} -> loop(Name, Parent);
                {none, Rude} -> exit(reason(Rude));
                {Ms, _} -> timer:sleep(binary_to_integer(Ms)), exit(Reason)
            end;
        _ -> loop(Name, Parent)
    end.

%% The steps. After each, things are left to settle, unless it begins with `+`.

step([<<"+">> | Words]) -> do(Words);
step([<<"wait">>, Ms]) -> timer:sleep(binary_to_integer(Ms));
step(Words) -> do(Words), timer:sleep(30).

do([<<"start">>]) ->
    Result = start_supervisor(<<"root">>),
    case Result of
        {ok, _} -> say("reply start ok");
        {error, Reason} -> say(["reply start ", text(Reason)])
    end;
do([<<"stop">>, Reason]) -> exit(pid(<<"root">>), reason(Reason));
do([<<"die">>, Name, Reason]) -> pid(Name) ! {die, reason(Reason)};
do([<<"kill">>, Name]) -> exit(pid(Name), kill);
do([<<"start_child">>, Sup, Name] = W) ->
    ask(W, fun() -> supervisor:start_child(pid(Sup), spec(Name)) end);
do([<<"dynamic">>, Sup, Name] = W) ->
    ask(W, fun() -> supervisor:start_child(pid(Sup), [Name]) end);
do([<<"terminate">>, Sup, Name] = W) ->
    [{_, Flags, _}] = ets:lookup(plan, {sup, Sup}),
    Id = case Flags of
        #{strategy := simple_one_for_one} -> pid(Name);
        _ -> Name
    end,
    ask(W, fun() -> supervisor:terminate_child(pid(Sup), Id) end);
do([<<"delete">>, Sup, Name] = W) -> ask(W, fun() -> supervisor:delete_child(pid(Sup), Name) end);
do([<<"restart">>, Sup, Name] = W) -> ask(W, fun() -> supervisor:restart_child(pid(Sup), Name) end);
do([<<"which">>, Sup]) ->
    %% It tells the last child first.
    Children = lists:reverse(supervisor:which_children(pid(Sup))),
    say(["which ", Sup, [[" ", Name, case Pid of
        undefined -> "=down";
        restarting -> "=restarting";
        _ -> "=up"
    end] || {Name, Pid, _, _} <- Children]]);
do([<<"count">>, Sup]) ->
    Counts = supervisor:count_children(pid(Sup)),
    say(["count ", Sup, [io_lib:format(" ~b", [proplists:get_value(K, Counts)])
                         || K <- [specs, active, supervisors, workers]]]).

ask(Words, Fun) ->
    spawn(fun() ->
        Result = try Fun() of
            ok -> "ok";
            {ok, undefined} -> "nothing";
            {ok, _} -> "ok";
            {error, {already_started, _}} -> "already_started";
            {error, {_, _}} -> "start_failed";
            {error, failed} -> "start_failed";
            {error, Atom} -> atom_to_list(Atom)
        catch exit:_ -> "stopping"
        end,
        say(["reply ", lists:join(" ", Words), " ", Result])
    end).

pid(Name) ->
    [{_, Pid}] = ets:lookup(pids, Name),
    Pid.
